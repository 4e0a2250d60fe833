export interface FormPart {
  name: string
  /** Makes the part a file. */
  filename?: string
  type?: string
  value: string | Uint8Array
}

export interface Form {
  body: Buffer<ArrayBuffer>
  headers: { 'content-type': string }
}

const BOUNDARY = 'headgate-test-boundary'

/** Encodes a form without escapes, unlike FormData, so that it can be malformed. */
export function form(parts: readonly FormPart[], { end = `--${BOUNDARY}--\r\n` } = {}): Form {
  const chunks = parts.flatMap(({ name, filename, type, value }) => {
    const disposition = filename === undefined ? '' : `; filename="${filename}"`
    const head = [`--${BOUNDARY}`, `Content-Disposition: form-data; name="${name}"${disposition}`]
    if (type !== undefined) head.push(`Content-Type: ${type}`)
    return [Buffer.from(`${head.join('\r\n')}\r\n\r\n`), Buffer.from(value), Buffer.from('\r\n')]
  })
  return {
    body: Buffer.concat([...chunks, Buffer.from(end)]),
    headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` },
  }
}
