// Images, sound and films out of the values that runs logged.

import { address } from "../api/http.ts";

export interface LoggedImage {
  sha256: string;
  caption: string;
  type: string;
}

const SHA256 = /^[0-9a-f]{64}$/;

type Loose = { [name: string]: unknown };

/** The images of a logged value: one, or several that were logged together. */
export function imagesOf(value: unknown): LoggedImage[] {
  if (typeof value !== "object" || value === null) return [];
  const form = value as Loose;
  const type = `image/${String(form.format ?? "png").replace("jpg", "jpeg")}`;
  if (form._type === "image-file" && SHA256.test(String(form.sha256))) return [{ sha256: String(form.sha256), caption: text(form.caption), type }];
  if (form._type !== "images/separated" || !Array.isArray(form.sha256s)) return [];
  const captions = Array.isArray(form.captions) ? (form.captions as unknown[]) : [];
  return form.sha256s.flatMap((sha256: unknown, place) => (SHA256.test(String(sha256)) ? [{ sha256: String(sha256), caption: text(captions[place]), type }] : []));
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

export function blobAddress(sha256: string, type: string, name = ""): string {
  return address(`blobs/${sha256}`, [["type", type], ...(name ? [["name", name] as const] : [])]);
}

export function Picture({ sha256, caption, type, small = false }: LoggedImage & { small?: boolean }) {
  return (
    <figure class={`picture${small ? " small" : ""}`}>
      <a href={blobAddress(sha256, type)} target="_blank" rel="noopener">
        <img src={blobAddress(sha256, type)} alt={caption || "logged image"} loading="lazy" />
      </a>
      {caption && <figcaption>{caption}</figcaption>}
    </figure>
  );
}

const MIME: { [type: string]: string } = { "audio-file": "audio/wav", "video-file": "video/mp4" };

/** Any other file: played where a browser can, else to be saved. */
export function LoggedFile({ value, name }: { value: unknown; name: string }) {
  const form = (value ?? {}) as Loose;
  const sha256 = String(form.sha256 ?? "");
  if (!SHA256.test(sha256)) return null;
  const kind = String(form._type ?? "file");
  const path = text(form.path);
  const file = path.slice(path.lastIndexOf("/") + 1) || name;
  const source = blobAddress(sha256, MIME[kind] ?? "application/octet-stream", file);
  return (
    <figure class="picture">
      {kind === "audio-file" && <audio controls preload="none" src={source} aria-label={name} />}
      {kind === "video-file" && <video controls preload="metadata" src={source} aria-label={name} />}
      <figcaption>
        {text(form.caption)} <a href={blobAddress(sha256, "application/octet-stream", file)} download={file}>Save {file}</a>
      </figcaption>
    </figure>
  );
}
