export interface ReadPart {
  head: string
  content: string
}

/**
 * Reads a whole form, slowly and by the letter of RFC 2046, 5.1.1: line after line, each ended by CR LF. Written apart from the scanner,
 * to compare it with.
 *
 * @param body one character a byte
 * @returns undefined where the form is not complete
 */
export function readSlowly(body: string, boundary: string): ReadPart[] | undefined {
  const parts: ReadPart[] = []
  let state: 'preamble' | 'head' | 'content' = 'preamble'
  let lines: string[] = []
  let head = ''
  for (const line of body.split('\r\n')) {
    const padded = line.startsWith(`--${boundary}`) ? line.slice(boundary.length + 2) : undefined
    // The last byte of a body may be missing: nothing is lost by it.
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

/** Counts what anybody might take for the beginning of a part: a line with the boundary, whatever else, before a Content-Disposition. */
export function countBeginnings(body: string, boundary: string): number {
  const lines = body.split(/\r\n|\r|\n/)
  return lines.filter(
    (line, index) => /^content-disposition/i.test(line) && (lines[index - 1] ?? '').includes(`--${boundary}`),
  ).length
}
