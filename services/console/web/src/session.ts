// The token: from the address' fragment or pasted, kept for this tab's session, never sent in a URL.
const KEY = "switchboard.token";

export interface Claims {
  subject: string;
  tenant: string;
  roles: string[];
  expiresMs: number;
}

/** Take the token out of the fragment, so that it is in no history, bookmark or screenshot. */
export function tokenFromAddress(): string | null {
  const found = new URLSearchParams(location.hash.slice(1)).get("token");
  if (found === null) return null;
  history.replaceState(null, "", location.pathname + location.search);
  keep(found);
  return found;
}

export function kept(): string | null {
  return sessionStorage.getItem(KEY);
}

export function keep(token: string): void {
  sessionStorage.setItem(KEY, token);
}

export function forget(): void {
  sessionStorage.removeItem(KEY);
}

/** What the token says of itself, for display alone: the server decides what it is worth. */
export function claimsOf(token: string): Claims | null {
  try {
    const body = token.split(".")[1] ?? "";
    const bytes = Uint8Array.from(atob(body.replace(/-/g, "+").replace(/_/g, "/")), (c) =>
      c.charCodeAt(0),
    );
    const claims = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
    return {
      subject: String(claims.sub ?? ""),
      tenant: String(claims.tenant ?? claims.tenant_id ?? ""),
      roles: Array.isArray(claims.roles) ? claims.roles.map(String) : [],
      expiresMs: Number(claims.exp ?? 0) * 1000,
    };
  } catch {
    return null;
  }
}

/** What is wrong with a pasted token at first sight; empty if nothing is. */
export function mistakeIn(token: string): string {
  if (!token) return "Paste a token first.";
  if (token.split(".").length !== 3) return "This is not a token: it has three parts with dots between.";
  const claims = claimsOf(token);
  if (!claims) return "This token cannot be read.";
  if (claims.expiresMs && claims.expiresMs < Date.now()) return "This token has expired.";
  return "";
}
