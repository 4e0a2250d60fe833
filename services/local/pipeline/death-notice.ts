import type { ChildDeath } from './children.ts'

const MAX_REASON_LENGTH = 300

/** Returns a line that says which child died, how, why as far as its output shows, and when it restarts. */
export function deathNotice(death: ChildDeath, waitMs: number): string {
  const reason = reasonOf(death)
  const why = reason === undefined ? '' : `: ${reason}`
  return `The ${death.name} ended by itself (${death.how})${why}. It restarts in ${waitMs / 1_000} s.`
}

/** Returns the last error line, or else the last line, without stack frames. */
function reasonOf({ lastLines }: ChildDeath): string | undefined {
  const lines = lastLines.split('\n').filter(line => line.trim() !== '' && !/^\s+at /.test(line))
  const line = lines.findLast(isError) ?? lines.at(-1)
  return line === undefined ? undefined : shortened(messageOf(line)).replace(/\.$/, '')
}

function isError(line: string): boolean {
  return line.startsWith('{') ? /^\{"level":"(?:error|fatal)"/.test(line) : /error/i.test(line)
}

/** Returns the message of a JSON log line, with the message of its error. */
function messageOf(line: string): string {
  if (!line.startsWith('{')) return line.trim()
  try {
    const { msg, err } = JSON.parse(line) as { msg?: unknown; err?: { message?: unknown } }
    return [msg, err?.message].filter(part => typeof part === 'string').join(': ') || line
  } catch {
    // The process ended in the middle of writing the line.
    return line
  }
}

function shortened(text: string): string {
  return text.length > MAX_REASON_LENGTH ? `${text.slice(0, MAX_REASON_LENGTH)}…` : text
}
