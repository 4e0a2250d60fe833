import { createUploadStore } from '../../../uploads/records/store.ts'
import { type ArchivedLetter, createDeadLetterArchive } from '../../../worker/dead-letters/archive.ts'
import { inLanes } from '../../../worker/dead-letters/in-lanes.ts'
import { createRedrive, type RedriveResult } from '../../../worker/dead-letters/redrive.ts'
import { withAws } from '../../aws.ts'
import { collect } from '../../collect.ts'
import { defineCommand } from '../../command.ts'
import { exitCodes } from '../../errors.ts'
import { createTally } from '../../tally.ts'
import { letterColumns, letterRow, lettersConfig, queryOf, selectLetters, selectOptions } from './letters.ts'

const AT_ONCE = 8

type Outcome = RedriveResult | { outcome: 'failed'; error: string }

export const redriveDeadLetters = defineCommand({
  name: 'dead-letters redrive',
  summary: 'put the records of dead letters on the stream again',
  details: `Puts each record on the stream with its own bytes and partition key, keeps in the letter that it did, and shows the upload as
queued. A letter that was redriven is left alone the next time. Cut short, run it again: what was on the stream already is
processed to the same object twice. A record that fails again becomes a dead letter of its own, and is not redriven by the same run.

Exits with 1 where one could not be redriven; the others are.`,
  operands: '[ID…]',
  options: {
    ...selectOptions,
    all: { type: 'boolean', description: 'all that were not redriven yet' },
    again: { type: 'boolean', description: 'those that were redriven before as well' },
    'dry-run': { type: 'boolean', description: 'only say which' },
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
        const found = await collect(letters)
        if (output.json) for (const letter of found) output.item(letterRow(letter), '')
        else output.table(found, letterColumns())
        output.note(`${found.length} would be redriven. Nothing was done.`)
        return exitCodes.done
      }

      const redrive = createRedrive({ archive, kinesis, store })
      const tally = createTally()
      /** Where this run has put records: one that fails again is listed behind, and would go round for ever. */
      const places = new Set<string>()
      const one = async (letter: ArchivedLetter): Promise<[ArchivedLetter, Outcome]> => {
        try {
          const result = await redrive(letter, { again })
          if (result.outcome === 'redriven') places.add(`${result.redriven.shardId}/${result.redriven.sequenceNumber}`)
          return [letter, result]
        } catch (error) {
          return [letter, { outcome: 'failed', error: error instanceof Error ? error.message : String(error) }]
        }
      }
      const isNew = ({ id }: ArchivedLetter) => !places.has(id)
      const laneOf = ({ id, letter }: ArchivedLetter) => letter?.partitionKey ?? id
      for await (const [{ id }, result] of inLanes(only(letters, isNew), { concurrency: AT_ONCE, laneOf }, one)) {
        tally.add(result.outcome)
        output.item({ id, ...result }, `${id}  ${sentence(result)}`)
      }
      output.note(tally.text('There were none to redrive.'))
      return tally.has('failed') || tally.has('unreadable') ? exitCodes.failed : exitCodes.done
    })
  },
})

function sentence(result: Outcome): string {
  switch (result.outcome) {
    case 'redriven': {
      const { shardId, sequenceNumber } = result.redriven
      return `redriven, to ${shardId}/${sequenceNumber}${result.isUploadQueued ? '; its upload is queued' : ''}`
    }
    case 'already redriven':
      return `already redriven ${result.redriven.at}: nothing was done (--again insists)`
    case 'unreadable':
      return 'is no dead letter that this version can read: nothing was done'
    case 'failed':
      return `could not be redriven: ${result.error}`
  }
}

async function* only<T>(items: AsyncIterable<T>, isMeant: (item: T) => boolean): AsyncGenerator<T> {
  for await (const item of items) if (isMeant(item)) yield item
}
