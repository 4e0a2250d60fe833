import { UNCAUGHT_ERROR } from '../../platform/shutdown.ts'
import type { ChildDeath } from './children.ts'

const MAX_REASON_LENGTH = 300

/**
 * Returns a line that says which child died, how, why if its output says so, and when it restarts. A process that is killed cannot say why,
 * and its last lines are about something else.
 */
export function deathNotice(death: ChildDeath, waitMs: number): string {
  const { name, how, lastLines } = death
  const lines = lastLines.split('\n').filter(line => line.trim() !== '' && !/^\s+at /.test(line))
  const reason = lines.findLast(isReason)
  const last = how.startsWith('exit code') ? lines.at(-1) : undefined
  const why = reason === undefined ? '' : `: ${toText(reason)}`
  const hint = reason !== undefined || last === undefined ? '' : ` Its last line was: ${toText(last)}.`
  return `The ${name} ended by itself (${how})${why}.${hint} It restarts in ${waitMs / 1_000} s.`
}

/** Returns true for a line with the error that ended the process. An error in the log may be one that the process has survived. */
function isReason(line: string): boolean {
  if (!line.startsWith('{')) return /error/i.test(line) && !/^\(node:\d+\)/.test(line)
  return parse(line)?.msg === UNCAUGHT_ERROR
}

/** Returns the message of a JSON log line, with the message of its error. Other lines stay as they are. */
function toText(line: string): string {
  const { msg, err } = parse(line) ?? {}
  const text = [msg, err?.message].filter(part => typeof part === 'string').join(': ')
  return shortened(text || line.trim()).replace(/\.$/, '')
}

/** Returns undefined for a line that is no JSON. A process can end in the middle of writing a line. */
function parse(line: string): { msg?: unknown; err?: { message?: unknown } } | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

function shortened(text: string): string {
  return text.length > MAX_REASON_LENGTH ? `${text.slice(0, MAX_REASON_LENGTH)}…` : text
}
