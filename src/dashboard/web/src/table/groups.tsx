// Runs with equal values of some fields as one line, with the mean and the spread of their numbers.

import { getJson } from "../api/http.ts";
import type { Group, Measures } from "../api/types.ts";
import { Failure, Loading } from "../components/basics.tsx";
import { both } from "../model/filter.ts";
import { fieldTitle, quoted } from "../model/fields.ts";
import { duration, shortNumber, shownValue } from "../model/format.ts";
import { setQuery } from "../router.ts";
import { useResource } from "../state/resource.ts";
import type { TableView } from "./view.ts";

export function Groups({ entity, project, view, columns }: { entity: string; project: string; view: TableView; columns: readonly string[] }) {
  const measured = columns.filter((field) => !view.by.includes(field) && !["tags", "created_at", "updated_at"].includes(field));
  const parameters: [string, string][] = [
    ["entity", entity],
    ["project", project],
    ["filter", view.where],
    ...view.by.map((field): [string, string] => ["by", field]),
    ...measured.map((field): [string, string] => ["column", field]),
  ];
  const { data, error, reload } = useResource(JSON.stringify(parameters), (signal) => getJson<{ groups: Group[] }>("groups", parameters, signal));
  if (error) return <Failure error={error} retry={reload} />;
  if (!data) return <Loading what="groups" />;
  const open = (group: Group) => {
    const terms = view.by.map((field, place) => `${field} == ${literal(group.values[place])}`);
    setQuery({ by: null, filter: terms.reduce(both, view.filter) });
  };
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Groups of runs">
      <table class="groups">
        <thead>
          <tr>
            {view.by.map((field) => <th key={field} scope="col">{fieldTitle(field)}</th>)}
            <th scope="col">Runs</th>
            {measured.map((field) => <th key={field} scope="col" class="number">{fieldTitle(field)}</th>)}
          </tr>
        </thead>
        <tbody>
          {data.groups.map((group) => (
            <tr key={JSON.stringify(group.values.map(String))}>
              {group.values.map((value, place) => (
                <td key={place}>
                  <button type="button" class="bare link" onClick={() => open(group)} title="Show these runs">
                    {value === null ? "none" : shownValue(value)}
                  </button>
                </td>
              ))}
              <td class="number">{group.runs}</td>
              {group.columns.map((found, place) => (
                <td key={place} class="number">{found && <Spread found={found} field={measured[place] ?? ""} />}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function literal(value: unknown): string {
  return typeof value === "string" ? quoted(value) : String(value).toLowerCase();
}

function Spread({ found, field }: { found: Measures; field: string }) {
  const shown = field === "duration_s" ? duration : shortNumber;
  return (
    <span title={`${found.count} values, standard deviation ${shown(found.std)}`}>
      {shown(found.mean)}
      {found.count > 1 && (
        <span class="faint">
          {" "}
          {shown(found.min)} … {shown(found.max)}
        </span>
      )}
    </span>
  );
}
