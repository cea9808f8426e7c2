// What the colours of points and lines mean.

import { colourOf, ramp } from "../model/ramp.ts";
import { scaleOf, type AxisData } from "../model/scale.ts";

const SHOWN = 12;
const STEPS = 12;

export function Legend({ axis }: { axis: AxisData }) {
  const scale = scaleOf(axis);
  return (
    <p class="legend">
      <span class="faint">{axis.label}</span>
      {scale.kind === "category" ? (
        scale.categories.slice(0, SHOWN).map((text) => (
          <span key={text} class="entry">
            <span class="swatch" style={{ background: colourOf(scale, text) }} />
            {text}
          </span>
        ))
      ) : (
        <>
          <span>{scale.text(scale.from)}</span>
          <span class="ramp" aria-hidden="true">
            {Array.from({ length: STEPS }, (_, step) => (
              <span key={step} style={{ background: ramp(step / (STEPS - 1)) }} />
            ))}
          </span>
          <span>{scale.text(scale.to)}</span>
        </>
      )}
      {scale.categories.length > SHOWN && <span class="faint">and {scale.categories.length - SHOWN} more</span>}
    </p>
  );
}
