// Numbers and times as people read them.
const PERCENT = new Intl.NumberFormat("en-GB", { style: "percent", maximumFractionDigits: 0 });
const COUNT = new Intl.NumberFormat("en-GB");
const TIME = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const MINUTE = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

export const NONE = "–";

export const count = (value: number): string => COUNT.format(value);
export const percent = (value: number): string => PERCENT.format(value);
export const time = (ms: number): string => TIME.format(ms);
export const minute = (ms: number): string => MINUTE.format(ms);

/** `0:42`, `12:05`, `1:02:33`, `3 d 4 h`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const hours = Math.floor(seconds / 3600);
  if (hours >= 48) return `${Math.floor(hours / 24)} d ${hours % 24} h`;
  const two = (n: number) => String(n).padStart(2, "0");
  const rest = `${two(seconds % 60)}`;
  return hours
    ? `${hours}:${two(Math.floor((seconds % 3600) / 60))}:${rest}`
    : `${Math.floor(seconds / 60)}:${rest}`;
}

/** The same in words, for screen readers. */
export function spoken(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const parts: [number, string][] = [
    [Math.floor(seconds / 86400), "day"],
    [Math.floor((seconds % 86400) / 3600), "hour"],
    [Math.floor((seconds % 3600) / 60), "minute"],
    [seconds % 60, "second"],
  ];
  const said = parts.filter(([n]) => n).slice(0, 2);
  return said.map(([n, unit]) => `${n} ${unit}${n === 1 ? "" : "s"}`).join(" ") || "0 seconds";
}

/** `agent_presence_changed` → `Agent presence changed`. */
export function words(name: string): string {
  const text = name.replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The start of an id: enough to tell two apart. */
export const shortId = (id: string): string => id.slice(0, 8);
