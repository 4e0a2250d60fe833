import { Type } from 'typebox'
import { workerConfigSchema } from '../../../platform/config/worker.ts'
import type { ArchivedLetter, DeadLetterArchive, LetterQuery } from '../../../worker/dead-letters/archive.ts'
import { deadLetterKeyOf } from '../../../worker/dead-letters/dead-letter.ts'
import type { CommandOption } from '../../command.ts'
import { NothingFoundError, UsageError } from '../../errors.ts'
import type { Column } from '../../output.ts'
import { ageText, parseTime, TIME_HELP } from '../../times.ts'

/** What every command about dead letters reads. */
export const lettersConfig = Type.Pick(workerConfigSchema, [
  'AWS_REGION',
  'STREAM_NAME',
  'PROCESSED_BUCKET',
  'UPLOADS_TABLE',
])

/** The options by which dead letters are chosen: all that are given must hold. */
export const selectOptions = {
  since: { type: 'string', value: 'TIME', description: `failed at this time or later: ${TIME_HELP}` },
  until: { type: 'string', value: 'TIME', description: 'failed before this time' },
  shard: { type: 'string', value: 'ID', description: 'from this shard' },
  reason: { type: 'string', value: 'CODE', description: 'for this reason, as HEADGATE_OBJECT_MISSING' },
  upload: { type: 'string', value: 'ID', description: 'of this upload' },
  owner: { type: 'string', value: 'ID', description: "of this owner's uploads" },
} as const satisfies Record<string, CommandOption>

type SelectOption = keyof typeof selectOptions

export type Selection = Partial<Record<SelectOption, string | undefined>>

/** @throws UsageError */
export function queryOf({ since, until, shard, reason, upload, owner }: Selection): LetterQuery {
  return {
    since: parseTime('since', since),
    until: parseTime('until', until),
    ...{ shardId: shard, reason, uploadId: upload, owner },
  }
}

/** Whether anything is chosen by. */
export function isSelection(selection: Selection): boolean {
  return Object.keys(selectOptions).some(option => selection[option as SelectOption] !== undefined)
}

/**
 * The dead letters that a command is to do something to: those that it names, or those that its options choose. Nothing is chosen
 * by leaving everything out.
 *
 * @throws UsageError, NothingFoundError where one that is named is not there
 */
export async function* selectLetters(
  archive: DeadLetterArchive,
  stream: string,
  { ids, selection, all, query }: { ids: readonly string[]; selection: Selection; all: boolean; query: LetterQuery },
): AsyncGenerator<ArchivedLetter> {
  const ways = [ids.length > 0, isSelection(selection), all].filter(Boolean).length
  if (ways !== 1) {
    const said = ways === 0 ? 'Which dead letters?' : 'That is more than one way to choose.'
    throw new UsageError(`${said} Name their ids, or choose by --since, --shard, --reason, …, or take --all.`)
  }
  if (ids.length === 0) yield* archive.list(query)
  for (const id of ids) yield await getLetter(archive, stream, id)
}

/** @throws UsageError, NothingFoundError */
export async function getLetter(archive: DeadLetterArchive, stream: string, id: string): Promise<ArchivedLetter> {
  const key = deadLetterKeyOf(stream, id)
  if (key === undefined) {
    throw new UsageError(
      `'${id}' is no id of a dead letter: they look like shardId-000000000000/4965…, as list shows them.`,
    )
  }
  const found = await archive.get(key)
  if (!found)
    throw new NothingFoundError(`There is no dead letter '${id}' of the stream '${stream}': see dead-letters list.`)
  return found
}

/** A dead letter as `--json` shows it in a list: all but the record's data. */
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
    { title: 'REASON', cell: ({ letter }) => letter?.error.code ?? 'not a dead letter that can be read' },
    { title: 'UPLOAD', cell: ({ letter }) => letter?.upload?.uploadId ?? '-' },
    { title: 'REDRIVEN', cell: ({ letter }) => ago(letter?.redriven?.at) },
  ]
}
