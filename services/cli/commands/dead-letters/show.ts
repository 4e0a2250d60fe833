import { InvalidEventError } from '../../../uploads/errors.ts'
import { decodeEvent } from '../../../uploads/events/decode-event.ts'
import { createUploadStore } from '../../../uploads/records/store.ts'
import { createDeadLetterArchive } from '../../../worker/dead-letters/archive.ts'
import { type DeadLetter, deadLetterKey } from '../../../worker/dead-letters/dead-letter.ts'
import { withAws } from '../../aws.ts'
import { defineCommand } from '../../command.ts'
import { NothingFoundError, UsageError } from '../../errors.ts'
import { getLetter, lettersConfig } from './letters.ts'

/** What happened after the record was dead-lettered. */
interface Aftermath {
  /** The current status of the upload. Null if it is unknown or deleted. */
  uploadStatus?: string | null
  /** The id of the new dead letter, if the redriven record failed again. */
  failedAgain?: string
}

export const showDeadLetter = defineCommand({
  name: 'dead-letters show',
  summary: 'show one dead letter: its record, error, origin and outcome',
  operands: 'ID',
  options: {},
  config: lettersConfig,
  async run({ operands, config, output }) {
    const [id, ...more] = operands
    if (id === undefined || more.length > 0)
      throw new UsageError('Give the id of one dead letter. See headgate dead-letters list.')
    return await withAws(config, async ({ s3, dynamodb }) => {
      const stream = config.STREAM_NAME
      const archive = createDeadLetterArchive({ s3, bucket: config.PROCESSED_BUCKET, stream })
      const store = createUploadStore({ dynamodb, table: config.UPLOADS_TABLE })
      const { key, letter, ...found } = await getLetter(archive, stream, id)
      if (!letter) {
        throw new NothingFoundError(
          `The object s3://${config.PROCESSED_BUCKET}/${key} is not a dead letter that this version can read.`,
        )
      }
      const aftermath: Aftermath = {}
      if (letter.upload) aftermath.uploadStatus = (await store.get(letter.upload))?.status ?? null
      const next = letter.redriven && (await archive.get(deadLetterKey(stream, letter.redriven)))
      if (next) aftermath.failedAgain = next.id
      output.item({ id: found.id, key, ...letter, ...aftermath }, describe(found.id, letter, aftermath))
      return undefined
    })
  },
})

function describe(id: string, letter: DeadLetter, { uploadStatus, failedAgain }: Aftermath): string {
  const { stream, shardId, sequenceNumber, subSequenceNumber, partitionKey, error, failedAt, upload, redriven } = letter
  const lines: Array<[string, string | undefined]> = [
    ['id', id],
    ['failed', failedAt],
    ['reason', `${error.code}: ${error.reason}`],
    ...(error.causes ?? []).map((cause): [string, string] => ['  because', cause]),
    ['stream', stream],
    ['shard', shardId],
    ['sequence', subSequenceNumber ? `${sequenceNumber}, ${subSequenceNumber} in its aggregate` : sequenceNumber],
    ['key', partitionKey ?? 'none'],
    ['upload', upload && `${upload.uploadId} of ${upload.owner}, now ${uploadStatus ?? 'unknown or deleted'}`],
    ['redriven', redriven && `${redriven.at}, to ${redriven.shardId}/${redriven.sequenceNumber}`],
    ['  and', failedAgain && `failed again: ${failedAgain}`],
  ]
  const known = lines.filter((line): line is [string, string] => line[1] !== undefined)
  return `${known.map(([name, text]) => `${name.padEnd(10)}${text}`).join('\n')}\n\n${recordText(letter.data)}`
}

function recordText(base64: string): string {
  const data = Buffer.from(base64, 'base64')
  try {
    return JSON.stringify(decodeEvent(data), null, 2)
  } catch (error) {
    if (!(error instanceof InvalidEventError)) throw error
    return `${data.byteLength} bytes that are not an upload event, in base64:\n${base64}`
  }
}
