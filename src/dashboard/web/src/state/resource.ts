// Views are synchronous, data is not. A resource bridges them: the latest question wins, an older answer that comes late
// is dropped, and what was shown stays until the new answer is there, so that nothing jumps.

import { useLayoutEffect, useRef, useState } from "preact/hooks";

export interface Resource<Answer> {
  data: Answer | null;
  error: Error | null;
  loading: boolean;
  /** Asks again; what is shown stays. */
  reload: () => void;
}

/** The answer to a question that is named by `key`; null asks nothing. */
export function useResource<Answer>(
  key: string | null,
  load: (signal: AbortSignal) => Promise<Answer>,
): Resource<Answer> {
  const [state, setState] = useState<{ key: string | null; data: Answer | null; error: Error | null; loading: boolean }>({
    key: null,
    data: null,
    error: null,
    loading: key !== null,
  });
  const [turn, setTurn] = useState(0);
  const latest = useRef(load);
  latest.current = load;
  // Before the page is painted, so that what is asked next does not wait for a frame.
  useLayoutEffect(() => {
    if (key === null) return;
    const aborted = new AbortController();
    setState((before) => ({ ...before, loading: true }));
    latest.current(aborted.signal).then(
      (data) => {
        if (!aborted.signal.aborted) setState({ key, data, error: null, loading: false });
      },
      (error: unknown) => {
        if (!aborted.signal.aborted) setState((before) => ({ ...before, key, error: asError(error), loading: false }));
      },
    );
    return () => aborted.abort();
  }, [key, turn]);
  return { data: state.data, error: state.error, loading: state.loading, reload: () => setTurn((before) => before + 1) };
}

export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
