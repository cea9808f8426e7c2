// Markdown that people wrote, as elements that can do nothing: HTML in it is shown as text, and what is left is sanitised.

import DOMPurify, { type Config } from "dompurify";
import { Marked } from "marked";
import { useLayoutEffect, useRef } from "preact/hooks";

const marked = new Marked({
  gfm: true,
  renderer: { checkbox: ({ checked }) => (checked ? "☑ " : "☐ "), html: ({ text }) => escaped(text) },
});

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

const ALLOWED: Config & { RETURN_DOM_FRAGMENT: true } = {
  USE_PROFILES: { html: true },
  FORBID_TAGS: ["style", "form", "input", "button", "textarea", "select", "option", "dialog", "audio", "video", "source", "picture", "map", "area"],
  FORBID_ATTR: ["style", "class", "id", "name", "srcset", "background", "action", "formaction"],
  ALLOW_DATA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
};

const purifier = DOMPurify(window);
purifier.addHook("afterSanitizeAttributes", (node) => {
  if (node instanceof HTMLAnchorElement) {
    node.rel = "noopener noreferrer";
    if (node.origin !== location.origin) node.target = "_blank";
  }
  // The policy of the page would refuse pictures from elsewhere: a link says where they are.
  if (node instanceof HTMLImageElement && !/^(?:data:image\/|api\/v1\/)/.test(node.getAttribute("src") ?? "")) {
    const link = document.createElement("a");
    link.href = node.src;
    link.rel = "noopener noreferrer";
    link.target = "_blank";
    link.textContent = node.alt || node.src;
    node.replaceWith(link);
  }
});

export function Markdown({ text }: { text: string }) {
  const place = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const html = marked.parse(text, { async: false });
    place.current?.replaceChildren(purifier.sanitize(html, ALLOWED));
  }, [text]);
  return <div class="markdown" ref={place} />;
}
