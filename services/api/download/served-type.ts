const ANY = 'application/octet-stream'

/** What no browser runs, whoever embeds it. HTML, SVG, XML, scripts and whatever is not known are not among them. */
const INERT =
  /^(?:text\/(?:plain|csv|tab-separated-values|markdown)|application\/(?:json|x-ndjson|pdf|zip|gzip|x-tar|octet-stream)|image\/(?:png|jpeg|gif|webp|avif|heic|heif|bmp|tiff)|audio\/[\w.+-]+|video\/[\w.+-]+)$/

/**
 * The content type that an object is given out as. Its uploader chose the one that it is stored with, and whoever opens the URL
 * may be somebody else: what a browser could run comes as bytes.
 */
export function servedType(stored: string | undefined): string {
  const [essence = ''] = (stored ?? '').split(';', 1)
  return stored !== undefined && INERT.test(essence.trim().toLowerCase()) && /^[\x20-\x7e]+$/.test(stored)
    ? stored
    : ANY
}
