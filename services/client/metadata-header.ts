/** Encodes a text as UTF-8 and base64. `btoa` alone accepts no characters beyond Latin-1. */
export function toBase64(text: string): string {
  return btoa(Array.from(new TextEncoder().encode(text), byte => String.fromCharCode(byte)).join(''))
}

/** Returns the metadata as pairs of the header `Upload-Metadata`. Empty without metadata. */
export function metadataHeader(metadata: Readonly<Record<string, string>> = {}): string {
  return Object.entries(metadata)
    .map(([name, value]) => `metadata.${name} ${toBase64(value)}`)
    .join(',')
}
