export interface FormPart {
  name: string
  /** With it the part is a file. */
  filename?: string
  type?: string
  value: string | Uint8Array
}

export interface Form {
  body: Buffer<ArrayBuffer>
  headers: { 'content-type': string }
}

const BOUNDARY = 'headgate-test-boundary'

/** A form, byte for byte as given: unlike FormData it escapes nothing, and can be wrong. */
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
