// What is shown where a server does not know a question: it is older than the page, or does not keep that kind of data.

import { ApiError } from "../api/http.ts";
import { Failure } from "../components/basics.tsx";

export function PartFailure({ error, retry, what }: { error: Error; retry: () => void; what: string }) {
  if (error instanceof ApiError && error.status === 404 && error.code === "not_found") return <p class="notice">This server does not serve {what}.</p>;
  return <Failure error={error} retry={retry} />;
}
