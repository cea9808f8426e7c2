// Which parameters decide a result, as the server computed it.

import { shortNumber } from "../model/format.ts";

export interface Parameter {
  field: string;
  /** 0 to 1; all of them add up to 1 where they say anything. */
  importance: number;
  /** -1 to 1; null where the parameter is no number. */
  correlation: number | null;
}

const SHOWN = 30;

export function Importance({ parameters, method, runs }: { parameters: readonly Parameter[]; method: string; runs: number }) {
  const sorted = [...parameters].sort((a, b) => b.importance - a.importance).slice(0, SHOWN);
  if (sorted.length === 0) return <p class="notice small">No parameter differs between runs that have this result.</p>;
  return (
    <div class="weights scroll" tabIndex={0} role="region" aria-label="Importance of parameters">
      <table>
        <thead>
          <tr>
            <th scope="col">Parameter</th>
            <th scope="col">Importance</th>
            <th scope="col">Correlation</th>
          </tr>
        </thead>
        <tbody>
          {sorted.map(({ field, importance, correlation }) => (
            <tr key={field}>
              <th scope="row" title={field}>{field.replace(/^config\./, "")}</th>
              <td>
                <Bar share={importance} kind="strength" />
                <span class="value">{shortNumber(Number(importance.toFixed(3)))}</span>
              </td>
              <td>
                {correlation !== null && (
                  <>
                    <Bar share={Math.abs(correlation)} kind={correlation < 0 ? "falls" : "rises"} />
                    <span class="value">{shortNumber(Number(correlation.toFixed(3)))}</span>
                  </>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="faint">{method}, of {runs.toLocaleString("en-US")} runs.</p>
    </div>
  );
}

function Bar({ share, kind }: { share: number; kind: "strength" | "rises" | "falls" }) {
  return (
    <span class={`bar ${kind}`} aria-hidden="true">
      <span style={{ width: `${Math.round(100 * Math.min(1, share))}%` }} />
    </span>
  );
}
