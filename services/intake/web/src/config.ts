// What the page's tag says: <script src="…/chat/widget.js" data-account="…" async></script>

export interface Config {
  /** Where the doors are: the script's own address without its name. */
  base: string;
  account: string;
  /** What the site's server has signed; empty for a visitor whom it does not know. */
  identity: string;
  language: string;
}

/** The configuration of the running script; nothing where its tag lacks an account. */
export function configOf(script: HTMLScriptElement | null): Config | undefined {
  const account = script?.dataset.account;
  if (!script || !account) return undefined;
  return {
    base: new URL(".", script.src).href,
    account,
    identity: script.dataset.identity ?? "",
    language: script.dataset.language || document.documentElement.lang || navigator.language || "en",
  };
}

/** Whom a signed identity names, by the id that the site has for them; empty for nobody. */
export function named(identity: string): string {
  try {
    const part = (identity.split(".")[1] ?? "").replace(/-/g, "+").replace(/_/g, "/");
    const claims = JSON.parse(atob(part)) as Record<string, unknown>;
    return String(claims.sub ?? claims.email ?? "");
  } catch {
    return "";
  }
}
