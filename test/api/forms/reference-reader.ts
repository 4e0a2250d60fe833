export interface ReadPart {
  head: string
  content: string
}

/**
 * Reads a whole form line by line, exactly as RFC 2046, 5.1.1 defines it. The tests compare the scanner with this independent
 * implementation.
 *
 * @param body one character per byte
 * @returns undefined if the form is incomplete
 */
export function readSlowly(body: string, boundary: string): ReadPart[] | undefined {
  const parts: ReadPart[] = []
  let state: 'preamble' | 'head' | 'content' = 'preamble'
  let lines: string[] = []
  let head = ''
  for (const line of body.split('\r\n')) {
    const padded = line.startsWith(`--${boundary}`) ? line.slice(boundary.length + 2) : undefined
    // The last byte of a body may be missing, because nothing is lost.
    const isClose = padded !== undefined && /^--[ \t]*\r?$/.test(padded)
    const isDelimiter = padded !== undefined && /^[ \t]*$/.test(padded)
    if (state === 'head') {
      if (line !== '') lines.push(line)
      else {
        head = lines.join('\r\n')
        lines = []
        state = 'content'
      }
    } else if (isClose || isDelimiter) {
      if (state === 'content') parts.push({ head, content: lines.join('\r\n') })
      if (isClose) return parts
      lines = []
      state = 'head'
    } else lines.push(line)
  }
  return undefined
}

/** Counts all possible starts of a part: a line that contains the boundary, before a line that starts with Content-Disposition. */
export function countBeginnings(body: string, boundary: string): number {
  const lines = body.split(/\r\n|\r|\n/)
  return lines.filter(
    (line, index) => /^content-disposition/i.test(line) && (lines[index - 1] ?? '').includes(`--${boundary}`),
  ).length
}
