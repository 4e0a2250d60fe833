import { createInterface } from 'node:readline'

const MAX_LINES = 20

/** Returns the last lines that a process wrote. */
export type Tail = () => string

/** Reads the output of a process line by line, and keeps the last lines for a report of its death. */
export function readLines(input: NodeJS.ReadableStream | null, onLine: (line: string) => void = () => undefined): Tail {
  const lines: string[] = []
  if (input) {
    const take = (line: string) => {
      onLine(line)
      lines.push(line)
      if (lines.length > MAX_LINES) lines.shift()
    }
    // A broken pipe means that the process has ended, which is reported elsewhere.
    createInterface({ input })
      .on('line', take)
      .on('error', error => take(`(the rest of the output cannot be read: ${error.message})`))
  }
  return () => lines.join('\n')
}
