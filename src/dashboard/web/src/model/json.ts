// JSON as the server writes it: Python's, with literals for NaN and the infinities, and integers of any size.

const LITERAL = /"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b|(?<![\d.eE+-])-?\d{16,}(?![\d.eE])/g;
const NEEDS_CARE = /NaN|Infinity|\d{16}/;
const MARK = "\u0000number:";

/** The value of a text. Integers that no double holds exactly become bigints. Throws SyntaxError. */
export function parseJson(text: string): unknown {
  if (!NEEDS_CARE.test(text)) return JSON.parse(text);
  const strict = text.replace(LITERAL, (found) => (found.startsWith('"') ? found : JSON.stringify(MARK + found)));
  return JSON.parse(strict, (_, value: unknown) =>
    typeof value === "string" && value.startsWith(MARK) ? special(value.slice(MARK.length)) : value,
  );
}

function special(literal: string): number | bigint {
  if (literal === "NaN") return Number.NaN;
  if (literal.endsWith("Infinity")) return literal.startsWith("-") ? -Infinity : Infinity;
  const number = Number(literal);
  return Number.isSafeInteger(number) ? number : BigInt(literal);
}

/** A value as one line of text that a person reads. */
export function shownJson(value: unknown): string {
  if (typeof value === "string") return value;
  const text = JSON.stringify(value, (_, part: unknown) => {
    if (typeof part === "bigint") return part.toString();
    return typeof part === "number" && !Number.isFinite(part) ? String(part) : part;
  });
  return text ?? "";
}
