import { createInterface } from 'node:readline'

const MAX_LINES = 20

/** The last lines that a process wrote. */
export type Tail = () => string

/** Reads what a process writes, line by line, and keeps the last, to be said when it dies. */
export function readLines(input: NodeJS.ReadableStream | null, onLine: (line: string) => void = () => undefined): Tail {
  const lines: string[] = []
  if (input) {
    const take = (line: string) => {
      onLine(line)
      lines.push(line)
      if (lines.length > MAX_LINES) lines.shift()
    }
    // A pipe that breaks ends with its process, whose end is reported.
    createInterface({ input })
      .on('line', take)
      .on('error', error => take(`(nothing more can be read: ${error.message})`))
  }
  return () => lines.join('\n')
}
