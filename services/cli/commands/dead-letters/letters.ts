import { Type } from 'typebox'
import { workerConfigSchema } from '../../../platform/config/worker.ts'
import type { ArchivedLetter, DeadLetterArchive, LetterQuery } from '../../../worker/dead-letters/archive.ts'
import { deadLetterKeyOf } from '../../../worker/dead-letters/dead-letter.ts'
import type { CommandOption } from '../../command.ts'
import { NothingFoundError, UsageError } from '../../errors.ts'
import type { Column } from '../../output.ts'
import { ageText, parseTime, TIME_HELP } from '../../times.ts'

/** The variables that the commands for dead letters read. */
export const lettersConfig = Type.Pick(workerConfigSchema, [
  'AWS_REGION',
  'STREAM_NAME',
  'PROCESSED_BUCKET',
  'UPLOADS_TABLE',
])

/** The options that select dead letters. A letter must match all options that are given. */
export const selectOptions = {
  since: { type: 'string', value: 'TIME', description: `failed at this time or later, ${TIME_HELP}` },
  until: { type: 'string', value: 'TIME', description: 'failed before this time' },
  shard: { type: 'string', value: 'ID', description: 'from this shard' },
  reason: { type: 'string', value: 'CODE', description: 'with this reason, such as HEADGATE_OBJECT_MISSING' },
  upload: { type: 'string', value: 'ID', description: 'of this upload' },
  owner: { type: 'string', value: 'ID', description: "of this owner's uploads" },
} as const satisfies Record<string, CommandOption>

type SelectOption = keyof typeof selectOptions

export type Selection = Partial<Record<SelectOption, string | undefined>>

/** Converts the options to a query. @throws UsageError for an invalid time */
export function queryOf({ since, until, shard, reason, upload, owner }: Selection): LetterQuery {
  return {
    since: parseTime('since', since),
    until: parseTime('until', until),
    shardId: shard,
    reason,
    uploadId: upload,
    owner,
  }
}

/** Returns true if any option selects dead letters. */
function isSelection(selection: Selection): boolean {
  return Object.keys(selectOptions).some(option => selection[option as SelectOption] !== undefined)
}

/**
 * Yields the dead letters that a command works on: those with the given ids, or those that the options select. Selecting all of them
 * takes `--all`.
 *
 * @throws UsageError unless exactly one of ids, options and `--all` is given
 * @throws NothingFoundError if there is no dead letter with a given id
 */
export async function* selectLetters(
  archive: DeadLetterArchive,
  stream: string,
  { ids, selection, all, query }: { ids: readonly string[]; selection: Selection; all: boolean; query: LetterQuery },
): AsyncGenerator<ArchivedLetter> {
  const selectors = [ids.length > 0, isSelection(selection), all].filter(Boolean).length
  if (selectors !== 1) {
    const problem =
      selectors === 0 ? 'No dead letters are selected.' : 'Ids, selecting options and --all cannot be combined.'
    throw new UsageError(`${problem} Give ids, or options such as --since, --shard or --reason, or --all.`)
  }
  if (ids.length === 0) yield* archive.list(query)
  for (const id of ids) yield await getLetter(archive, stream, id)
}

/**
 * Reads a dead letter.
 *
 * @throws UsageError if the id has the wrong format
 * @throws NothingFoundError if there is no such dead letter
 */
export async function getLetter(archive: DeadLetterArchive, stream: string, id: string): Promise<ArchivedLetter> {
  const key = deadLetterKeyOf(stream, id)
  if (key === undefined) {
    throw new UsageError(
      `'${id}' is not the id of a dead letter. Ids look like shardId-000000000000/4965…. See headgate dead-letters list.`,
    )
  }
  const found = await archive.get(key)
  if (!found)
    throw new NothingFoundError(
      `There is no dead letter '${id}' of the stream '${stream}'. See headgate dead-letters list.`,
    )
  return found
}

/** Returns a dead letter for a list with `--json`: everything except the data of the record. */
export function letterRow({ id, key, letter }: ArchivedLetter) {
  if (!letter) return { id, key, unreadable: true }
  const { data, ...rest } = letter
  return { id, key, ...rest, bytes: Buffer.byteLength(data, 'base64') }
}

export function letterColumns(now = Date.now()): ReadonlyArray<Column<ArchivedLetter>> {
  const ago = (at: string | undefined) => (at === undefined ? '-' : `${ageText(now - Date.parse(at))} ago`)
  return [
    { title: 'ID', cell: ({ id }) => id },
    { title: 'FAILED', cell: ({ letter }) => ago(letter?.failedAt) },
    { title: 'REASON', cell: ({ letter }) => letter?.error.code ?? 'unreadable' },
    { title: 'UPLOAD', cell: ({ letter }) => letter?.upload?.uploadId ?? '-' },
    { title: 'REDRIVEN', cell: ({ letter }) => ago(letter?.redriven?.at) },
  ]
}
