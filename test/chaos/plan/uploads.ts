import { SeededRandom } from '../../simulation/random.ts'
import { bytesOf, type ContentKind, contentTypeOf, hostileKinds } from './content.ts'

/** How an upload is sent. `once`: as JSON with an `Idempotency-Key`, retried until it is answered. */
export const formats = ['json', 'form', 'raw', 'grant', 'tus', 'once'] as const

export type UploadFormat = (typeof formats)[number]

/** A file as a client sends it. */
export interface SentFile {
  filename: string
  contentType: string
  bytes: Buffer
}

/** What a client sends, and how. */
export interface SentUpload {
  format: UploadFormat
  /** One, but for a form. */
  files: readonly SentFile[]
}

export interface PlannedFile extends SentFile {
  /** Unique within the run. */
  filename: string
  kind: ContentKind
}

export interface PlannedUpload {
  /** From 0. */
  n: number
  /** Index of the user. */
  user: number
  format: UploadFormat
  /** One, but for a form. */
  files: PlannedFile[]
  /** Milliseconds after the answer at which the deletion is requested. */
  deleteAfterMs?: number
}

/** Shares of the formats in percent. */
const SHARE: Record<UploadFormat, number> = { json: 40, form: 22, raw: 22, grant: 4, tus: 4, once: 8 }
const DELETED = 0.06
const HOSTILE = 0.15

/** Plans an upload. It depends only on the seed and its number. */
export function planUpload(seed: number, n: number, users: number): PlannedUpload {
  const random = new SeededRandom(Math.imul(seed, 1_000_003) + n)
  const format = pickFormat(random.next() * 100)
  const count = format === 'form' && random.chance(0.3) ? random.integer(2, 4) : 1
  const files = Array.from({ length: count }, (_, i) => planFile(random, format, `${seed}-${n}-${i}`))
  const isDeleted = random.chance(DELETED)
  const deleteAfterMs = Math.floor(random.between(0, 3_000))
  return { n, user: random.integer(0, users - 1), format, files, ...(isDeleted && { deleteAfterMs }) }
}

function planFile(random: SeededRandom, format: UploadFormat, label: string): PlannedFile {
  const kind = pickKind(random, format)
  const bytes = bytesOf(kind, label, sizeOf(random))
  return { filename: `${label}.${kind === 'binary' ? 'bin' : 'txt'}`, contentType: contentTypeOf(kind), kind, bytes }
}

function pickFormat(at: number): UploadFormat {
  let upTo = 0
  for (const format of formats) {
    upTo += SHARE[format]
    if (at < upTo) return format
  }
  return 'json'
}

/** JSON can only carry valid text. */
function pickKind(random: SeededRandom, format: UploadFormat): ContentKind {
  if (format === 'json' || format === 'once') return 'text'
  if (random.chance(HOSTILE)) return random.pick(hostileKinds) ?? 'bad-text'
  return random.chance(0.5) ? 'binary' : 'text'
}

/** Most files are small. Some exceed 128 KiB, the size up to which a file is stored by one PutObject. */
function sizeOf(random: SeededRandom): number {
  const at = random.next()
  if (at < 0.05) return 1
  return at < 0.98 ? random.integer(2, 12_000) : random.integer(130_000, 400_000)
}
