import type { ChildDeath } from './children.ts'

const MAX_REASON_LENGTH = 300

/** One line for a person: which child died, how, why as far as it said so, and when it is started again. */
export function deathNotice(death: ChildDeath, waitMs: number): string {
  const reason = reasonOf(death)
  const why = reason === undefined ? '' : `: ${reason}`
  return `The ${death.name} ended by itself (${death.how})${why}. It is started again in ${waitMs / 1_000} s.`
}

/** The line among the last ones that says most, without the stack below it. */
function reasonOf({ lastLines }: ChildDeath): string | undefined {
  const lines = lastLines.split('\n').filter(line => line.trim() !== '' && !/^\s+at /.test(line))
  const said = lines.findLast(isError) ?? lines.at(-1)
  return said === undefined ? undefined : shortened(messageOf(said)).replace(/\.$/, '')
}

function isError(line: string): boolean {
  return line.startsWith('{') ? /^\{"level":"(?:error|fatal)"/.test(line) : /error/i.test(line)
}

/** A line of a log is JSON, and its error says more than its message. */
function messageOf(line: string): string {
  if (!line.startsWith('{')) return line.trim()
  try {
    const { msg, err } = JSON.parse(line) as { msg?: unknown; err?: { message?: unknown } }
    return [msg, err?.message].filter(part => typeof part === 'string').join(': ') || line
  } catch {
    // The process ended in the middle of the line.
    return line
  }
}

function shortened(text: string): string {
  return text.length > MAX_REASON_LENGTH ? `${text.slice(0, MAX_REASON_LENGTH)}…` : text
}
