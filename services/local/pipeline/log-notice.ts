import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { withoutSecrets } from '../../platform/log.ts'
import { headgateOfClone } from '../../platform/npm-script.ts'

/** What a line of a child's output says to the person at the terminal. */
export interface Notice {
  kind: 'failed' | 'retried' | 'logged' | 'printed'
  /** Equal for notices that repeat each other. */
  key: string
  /** One line, of bounded length, without control characters. */
  text: string
  /** The upload that a notice of the kinds `failed` and `retried` is about, if its id is known. */
  uploadId?: string
  /** The number of the attempt that failed, of the kind `retried`. */
  attempt?: number
}

const MAX_REASON_LENGTH = 400
const MAX_NAME_LENGTH = 120

/** The part of a log line that notices use. Every property may be missing or of another type. */
type LogLine = Partial<Record<string, unknown>>

/**
 * Returns the notice of a line that the api or a worker wrote, or undefined for a line that only the log needs. Upload contents, tokens
 * and signatures of URLs never get into a notice.
 *
 * @param name of the child, such as `worker 1`
 */
export function noticeOf(name: string, line: string): Notice | undefined {
  const found = line.startsWith('{') ? parse(line) : undefined
  if (found === undefined) return printedNotice(name, line)
  if (found.msg === 'processing is resumed') return pauseNotice(name, `resumed by ${shown(textOf(found.by))}.`)
  if (found.msg === 'processing is paused') {
    const why = sentence(`${shown(textOf(found.by))}: ${shown(textOf(found.reason))}`)
    return pauseNotice(
      name,
      `paused by ${why} To continue, run \`${headgateOfClone()} resume\` with the variables above, or use the page of the workers in the console.`,
    )
  }
  if (found.level !== 'warn' && found.level !== 'error' && found.level !== 'fatal') return undefined
  // The notice of the death says why.
  if (found.msg === 'stopping after an uncaught error') return undefined
  if (found.msg === 'record dead-lettered') return failedNotice(found, 'failed')
  if (found.msg === 'upload quarantined') return failedNotice(found, 'quarantined')
  if (found.msg === 'record failed and will be retried') return retriedNotice(found)
  if (found.msg === 'a notification could not be delivered' || found.msg === 'notification dead-lettered') {
    return notificationNotice(found)
  }
  const reasons = [shown(textOf(found.operation)), errorText(found.err)].filter(part => part !== '')
  const message = sentence([capitalized(textOf(found.msg)), ...reasons].join(': '))
  const to = typeof found.destination === 'string' ? ` Destination ${shown(found.destination, MAX_NAME_LENGTH)}.` : ''
  const about = typeof found.uploadId === 'string' ? ` Upload ${shown(found.uploadId, MAX_NAME_LENGTH)}.` : ''
  const text = `${found.level === 'warn' ? 'Warning' : 'Error'} of the ${name}: ${message}${to}${about}`
  return { kind: 'logged', key: text, text }
}

function pauseNotice(name: string, text: string): Notice {
  // Not a repetition: a worker may be paused and resumed several times in a minute.
  return { kind: 'printed', key: text, text: `The processing of ${name} is ${text}` }
}

function failedNotice(found: LogLine, status: 'failed' | 'quarantined'): Notice {
  const upload = uploadOf(found)
  const reason = sentence(`${shown(textOf(found.code), MAX_NAME_LENGTH)}: ${shown(textOf(found.reason))}`)
  const text = `Upload ${status}: ${upload}: ${reason}`
  return { kind: 'failed', key: text, text, ...idOf(found) }
}

function retriedNotice(found: LogLine): Notice {
  const upload = uploadOf(found)
  const attempt = Number(found.attempt)
  const seconds = Number(found.retryInMs) / 1_000
  const next = Number.isFinite(seconds) ? ` and is retried in ${seconds.toFixed(1)} s` : ' and will be retried'
  const text = `Upload attempt ${attempt} failed${next}: ${upload}: ${sentence(errorText(found.err))}`
  return { kind: 'retried', key: `retried ${upload}`, text, attempt, ...idOf(found) }
}

/** A destination that is down accepts none of many notifications. So the key does not name the upload. */
function notificationNotice({ msg, destination, failure, reason, uploadId }: LogLine): Notice {
  const to = shown(textOf(destination), MAX_NAME_LENGTH)
  const next = msg === 'notification dead-lettered' ? 'given up, and is a dead letter now' : 'not delivered'
  const text = `Notification for "${to}" ${next}: ${sentence(shown(textOf(reason)))} Upload ${shown(textOf(uploadId), MAX_NAME_LENGTH)}.`
  return { kind: 'logged', key: `notification ${to} ${next} ${textOf(failure)}`, text }
}

/** A program that prints something while it runs means it to be read, such as a transform that is being written. */
function printedNotice(name: string, line: string): Notice | undefined {
  const text = shown(withoutSecrets(line)).trimEnd()
  // Stack frames follow a line that says what happened.
  if (text.trim() === '' || /^\s+at /.test(line)) return undefined
  return { kind: 'printed', key: text, text: `[${name}] ${text}` }
}

function idOf({ uploadId }: LogLine): { uploadId?: string } {
  return typeof uploadId === 'string' ? { uploadId } : {}
}

/** Returns the file name and the id of an upload, or where its record is. */
function uploadOf({ key, uploadId, shardId, sequenceNumber }: LogLine): string {
  if (typeof key !== 'string') return `record ${shown(textOf(sequenceNumber))} of ${shown(textOf(shardId))}`
  const file = shown(path.posix.basename(key), MAX_NAME_LENGTH)
  return typeof uploadId === 'string' ? `${file} (${shown(uploadId, MAX_NAME_LENGTH)})` : file
}

/** Returns the message of a logged error, with its class and the line of the transform that threw it. */
function errorText(error: unknown): string {
  if (typeof error !== 'object' || error === null) return ''
  const { type, message, stack } = error as LogLine
  const name = typeof type === 'string' && type !== 'Error' && type !== '' ? `${shown(type, MAX_NAME_LENGTH)}: ` : ''
  const text = shown(textOf(message))
  const place = typeof stack === 'string' ? ownFrame(stack) : undefined
  return place === undefined ? `${name}${text}` : `${name}${text.replace(/\.$/, '')} (${shown(place)})`
}

/** The folder that contains `services/`, or `dist/services/`. */
const HEADGATE = path.resolve(import.meta.dirname, '../../..')
const OURS = [path.join(HEADGATE, 'services'), path.join(HEADGATE, 'dist')]

/** Returns the file and line of the first stack frame that is neither Headgate's, nor a package's, nor Node's. */
function ownFrame(stack: string): string | undefined {
  for (const [, place = '', line = ''] of stack.matchAll(/^\s+at (?:.*\()?((?:file:\/\/)?\/[^\n]*?):(\d+):\d+\)?$/gm)) {
    const file = pathOf(place)
    if (file === undefined || file.includes(`${path.sep}node_modules${path.sep}`)) continue
    if (OURS.some(folder => file.startsWith(folder + path.sep))) continue
    return `${readablePath(file)}:${line}`
  }
  return undefined
}

function pathOf(place: string): string | undefined {
  if (!place.startsWith('file:')) return place
  try {
    return fileURLToPath(place.replace(/\?.*$/, ''))
  } catch {
    // A stack is text that a transform can change.
    return undefined
  }
}

/** Returns a path relative to the working directory if the file is inside of it. */
export function readablePath(file: string): string {
  const relative = path.relative(process.cwd(), file)
  return relative.startsWith('..') || path.isAbsolute(relative) ? file : relative
}

function parse(line: string): LogLine | undefined {
  try {
    return JSON.parse(line) as LogLine
  } catch {
    // The process ended in the middle of writing the line, or prints something else.
    return undefined
  }
}

/** Returns the text on one line, with control characters escaped, queries of URLs removed, and of bounded length. */
export function shown(text: string, maxLength = MAX_REASON_LENGTH): string {
  const line = text
    .slice(0, maxLength * 2)
    .toWellFormed()
    .replace(/(\bhttps?:\/\/[^\s?]+)\?\S+/g, '$1?…')
  const escaped = line.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, escapedCharacter)
  return escaped.length > maxLength || text.length > maxLength * 2 ? `${escaped.slice(0, maxLength)}…` : escaped
}

function escapedCharacter(character: string): string {
  if (character === '\n') return '\\n'
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}

function capitalized(text: string): string {
  const line = shown(text)
  // `KEY_TEMPLATE` and `npm start` stay as they are written.
  return /^[a-z]+\b(?!\.)/.test(line) ? line.charAt(0).toUpperCase() + line.slice(1) : line
}

function sentence(text: string): string {
  return /[.!?…]$/.test(text) ? text : `${text}.`
}
