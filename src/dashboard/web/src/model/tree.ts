// Nested configuration as lines of name and value.

import type { Tree } from "../api/types.ts";

/** The leaves by their names with dots, in order; lists are leaves. */
export function leaves(tree: Tree, prefix = ""): [name: string, value: unknown][] {
  return Object.entries(tree).flatMap(([label, value]): [string, unknown][] => {
    const name = prefix ? `${prefix}.${label}` : label;
    const nested = typeof value === "object" && value !== null && !Array.isArray(value);
    return nested ? leaves(value as Tree, name) : [[name, value]];
  });
}

export interface Difference {
  name: string;
  values: unknown[];
  differs: boolean;
}

/** The leaves of several trees side by side. */
export function sideBySide(trees: readonly Tree[]): Difference[] {
  const columns = trees.map((tree) => new Map(leaves(tree)));
  const names = [...new Set(columns.flatMap((column) => [...column.keys()]))].sort((a, b) => a.localeCompare(b));
  return names.map((name) => {
    const values = columns.map((column) => column.get(name));
    const texts = new Set(values.map((value) => JSON.stringify(value, (_, part: unknown) => (typeof part === "bigint" ? String(part) : part)) ?? String(value)));
    const special = new Set(values.map((value) => (typeof value === "number" ? String(value) : "")));
    return { name, values, differs: texts.size > 1 || special.size > 1 };
  });
}
