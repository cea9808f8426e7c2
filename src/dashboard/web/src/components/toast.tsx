import { useEffect, useState } from "preact/hooks";
import { onNotice, type Notice } from "../state/notices.ts";
import { IconButton } from "./basics.tsx";

const SHOWN_MS = 12_000;

/** Shows the latest notice until it is closed or old. */
export function Toast() {
  const [notice, setNotice] = useState<Notice | null>(null);
  useEffect(() => onNotice(setNotice), []);
  useEffect(() => {
    if (!notice) return;
    const timer = setTimeout(() => setNotice(null), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [notice]);
  const undo = notice?.undo;
  return (
    <div class="toast" role="status" hidden={!notice}>
      <span>{notice?.text}</span>
      {undo && (
        <button type="button" onClick={() => { setNotice(null); undo(); }}>
          Undo
        </button>
      )}
      {notice && <IconButton icon="close" label="Close this message" onClick={() => setNotice(null)} />}
    </div>
  );
}
