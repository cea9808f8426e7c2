// The only place that fetches. Addresses are relative to <base>, so that they work below any path prefix.

import { parseJson } from "../model/json.ts";

export type Parameters = readonly (readonly [string, string | number | boolean])[];

/** What the server answered instead: "code" is for programs, the message for people. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** The address of a path below /api/v1/. */
export function address(path: string, parameters: Parameters = []): string {
  const query = new URLSearchParams(parameters.map(([name, value]): [string, string] => [name, String(value)])).toString();
  return `api/v1/${path}${query ? `?${query}` : ""}`;
}

/** The path of a run below /api/v1/. */
export function runPath(entity: string, project: string, runId: string): string {
  return `runs/${[entity, project, runId].map(encodeURIComponent).join("/")}`;
}

/** A JSON answer. Throws ApiError, also when nobody answers (status 0). */
export async function getJson<Answer>(path: string, parameters: Parameters = [], signal?: AbortSignal): Promise<Answer> {
  const response = await ask(address(path, parameters), signal ? { signal } : {});
  return parseJson(await response.text()) as Answer;
}

/** A JSON answer with the log position that it includes. */
export async function getPositioned<Answer>(
  path: string,
  parameters: Parameters = [],
  signal?: AbortSignal,
): Promise<{ answer: Answer; position: number }> {
  const response = await ask(address(path, parameters), signal ? { signal } : {});
  const position = Number(response.headers.get("runwell-position") ?? 0);
  return { answer: parseJson(await response.text()) as Answer, position };
}

/** A binary answer of a media type to a question that may be too long for an address. */
export async function postBinary(
  path: string,
  parameters: Parameters,
  mediaType: string,
): Promise<{ bytes: ArrayBuffer; position: number }> {
  const body = new URLSearchParams(parameters.map(([name, value]): [string, string] => [name, String(value)]));
  const response = await ask(address(path), { method: "POST", headers: { accept: mediaType }, body });
  return { bytes: await response.arrayBuffer(), position: Number(response.headers.get("runwell-position") ?? 0) };
}

/** Sends an edit. */
export async function send<Answer>(method: "POST" | "PUT" | "PATCH" | "DELETE", path: string, body?: unknown): Promise<Answer> {
  const response = await ask(address(path), {
    method,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body ?? {}),
  });
  return parseJson(await response.text()) as Answer;
}

async function ask(url: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "unreachable", "The server does not answer. Is `runwell up` running?");
  }
  if (!response.ok) throw await refusal(response);
  return response;
}

async function refusal(response: Response): Promise<ApiError> {
  const text = await response.text();
  try {
    const { error } = JSON.parse(text) as { error: { code: string; message: string } };
    return new ApiError(response.status, error.code, error.message);
  } catch {
    return new ApiError(response.status, "refused", `The server answered ${response.status}: ${text.slice(0, 200)}`);
  }
}
