// A text as nodes: always text, and addresses in it as links. Nothing is ever read as HTML.

const ADDRESS = /https?:\/\/[^\s<>"']+/gi;
const TRAILING = /[.,;:!?)\]}»”’]+$/;

export function shown(text: string): Node[] {
  const nodes: Node[] = [];
  let at = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const address = match[0].replace(closing(match[0]), "");
    const link = linkTo(address);
    if (!link) continue;
    nodes.push(document.createTextNode(text.slice(at, match.index)), link);
    at = match.index + address.length;
  }
  nodes.push(document.createTextNode(text.slice(at)));
  return nodes;
}

/** What ends the sentence rather than the address; brackets that the address opens are its own. */
function closing(address: string): RegExp {
  const opens = address.includes("(") && address.endsWith(")");
  return opens ? /$/ : TRAILING;
}

/** A link that opens beside the page; nothing for what is no web address. */
export function linkTo(address: string, name = address): HTMLAnchorElement | undefined {
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    return undefined;
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") return undefined;
  const link = document.createElement("a");
  link.href = url.href;
  link.target = "_blank";
  link.rel = "noopener noreferrer nofollow";
  link.textContent = name;
  return link;
}
