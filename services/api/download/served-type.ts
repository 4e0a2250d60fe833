const ANY = 'application/octet-stream'

/** The types that no browser executes. HTML, SVG, XML, scripts and unknown types are not among them. */
const INERT =
  /^(?:text\/(?:plain|csv|tab-separated-values|markdown)|application\/(?:json|x-ndjson|pdf|zip|gzip|x-tar|octet-stream)|image\/(?:png|jpeg|gif|webp|avif|heic|heif|bmp|tiff)|audio\/[\w.+-]+|video\/[\w.+-]+)$/

/**
 * Returns the content type of a download. The uploader chose the stored type, and another person may open the URL. So a type that a browser
 * could execute is replaced by `application/octet-stream`.
 */
export function servedType(stored: string | undefined): string {
  const [essence = ''] = (stored ?? '').split(';', 1)
  return stored !== undefined && INERT.test(essence.trim().toLowerCase()) && /^[\x20-\x7e]+$/.test(stored)
    ? stored
    : ANY
}
