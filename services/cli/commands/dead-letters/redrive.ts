import { createUploadStore } from '../../../uploads/records/store.ts'
import { type ArchivedLetter, createDeadLetterArchive } from '../../../worker/dead-letters/archive.ts'
import { inLanes } from '../../../worker/dead-letters/in-lanes.ts'
import { createRedrive, type RedriveResult } from '../../../worker/dead-letters/redrive.ts'
import { withAws } from '../../aws.ts'
import { defineCommand } from '../../command.ts'
import { exitCodes } from '../../errors.ts'
import { letterColumns, letterRow, lettersConfig, queryOf, selectLetters, selectOptions } from './letters.ts'

const MAX_CONCURRENCY = 8

type Outcome = RedriveResult | { outcome: 'failed'; error: string }

export const redriveDeadLetters = defineCommand({
  name: 'dead-letters redrive',
  summary: 'put the records of dead letters on the stream again',
  details: `Puts each record on the stream with its original bytes and partition key, marks the dead letter as redriven, and sets the upload to
queued. A record without a key stays without one, or gets a random key if the stream requires one. Skips dead letters that were redriven before. If the command is interrupted, run it again: a record that is already on the
stream may be processed twice, with the same result. A record that fails again becomes a new dead letter, which this run does not redrive.

Exits with 1 if any record could not be redriven. The other records are still redriven.`,
  operands: '[ID…]',
  options: {
    ...selectOptions,
    all: { type: 'boolean', description: 'all dead letters that were not redriven' },
    again: { type: 'boolean', description: 'also dead letters that were redriven before' },
    'dry-run': { type: 'boolean', description: 'only list what would be redriven' },
  },
  config: lettersConfig,
  async run({ options, operands, config, output }) {
    return await withAws(config, async ({ s3, kinesis, dynamodb }) => {
      const stream = config.STREAM_NAME
      const archive = createDeadLetterArchive({ s3, bucket: config.PROCESSED_BUCKET, stream })
      const store = createUploadStore({ dynamodb, table: config.UPLOADS_TABLE })
      const again = options.again === true
      const query = { ...queryOf(options), ...(again ? {} : { redriven: false }) }
      const letters = selectLetters(archive, stream, {
        ids: operands,
        selection: options,
        all: options.all === true,
        query,
      })
      if (options['dry-run']) {
        const count = await output.stream(letters, letterRow, letterColumns())
        output.note(`${count} would be redriven. Nothing was changed.`)
        return exitCodes.done
      }

      const redrive = createRedrive({ archive, kinesis, store })
      const counts = new Map<string, number>()
      /** Ids that records of this run have if they fail again. The list reaches them later, and would never end. */
      const redrivenIds = new Set<string>()
      const redriveOne = async (letter: ArchivedLetter): Promise<[ArchivedLetter, Outcome]> => {
        try {
          const result = await redrive(letter, { again })
          if (result.outcome === 'redriven')
            redrivenIds.add(`${result.redriven.shardId}/${result.redriven.sequenceNumber}`)
          return [letter, result]
        } catch (error) {
          return [letter, { outcome: 'failed', error: error instanceof Error ? error.message : String(error) }]
        }
      }
      const isNew = ({ id }: ArchivedLetter) => !redrivenIds.has(id)
      const laneOf = ({ id, letter }: ArchivedLetter) => letter?.partitionKey ?? id
      for await (const [{ id }, result] of inLanes(
        filter(letters, isNew),
        { concurrency: MAX_CONCURRENCY, laneOf },
        redriveOne,
      )) {
        counts.set(result.outcome, (counts.get(result.outcome) ?? 0) + 1)
        output.item({ id, ...result }, `${id}  ${sentence(result)}`)
      }
      const totals = [...counts].map(([outcome, count]) => `${count} ${outcome}`)
      output.note(totals.join(', ') || 'No dead letters to redrive.')
      return counts.has('failed') || counts.has('unreadable') ? exitCodes.failed : exitCodes.done
    })
  },
})

function sentence(result: Outcome): string {
  switch (result.outcome) {
    case 'redriven': {
      const { shardId, sequenceNumber } = result.redriven
      return `redriven to ${shardId}/${sequenceNumber}${result.isUploadQueued ? '. Its upload is queued' : ''}`
    }
    case 'already redriven':
      return `was redriven at ${result.redriven.at}. Nothing was changed. Use --again to redrive it again`
    case 'unreadable':
      return 'is not a dead letter that this version can read. Nothing was changed'
    case 'failed':
      return `could not be redriven: ${result.error}`
  }
}

async function* filter<T>(items: AsyncIterable<T>, isWanted: (item: T) => boolean): AsyncGenerator<T> {
  for await (const item of items) if (isWanted(item)) yield item
}
