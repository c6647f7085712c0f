// What a person chose for this browser. Nothing secret.
export type Theme = "auto" | "light" | "dark";
const THEMES: readonly Theme[] = ["auto", "light", "dark"];

export function theme(): Theme {
  const found = localStorage.getItem("switchboard.theme") as Theme | null;
  return found && THEMES.includes(found) ? found : "auto";
}

export function nextTheme(): Theme {
  const next = THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length] ?? "auto";
  localStorage.setItem("switchboard.theme", next);
  showTheme();
  return next;
}

export function showTheme(): void {
  document.documentElement.dataset.theme = theme();
}

export function shortcutsOn(): boolean {
  return localStorage.getItem("switchboard.shortcuts") !== "off";
}

export function setShortcuts(on: boolean): void {
  localStorage.setItem("switchboard.shortcuts", on ? "on" : "off");
}
