import { pino } from 'pino'
import type { Logger } from '../../services/platform/log.ts'

export interface MemoryLog {
  log: Logger
  /** All lines that were logged, at any level. */
  lines: Array<Record<string, unknown>>
}

/** Creates a logger whose lines a test can read. */
export function createMemoryLog(): MemoryLog {
  const lines: MemoryLog['lines'] = []
  const write = (line: string) => {
    lines.push(JSON.parse(line))
  }
  return { log: pino({ level: 'trace', formatters: { level: label => ({ level: label }) } }, { write }), lines }
}
