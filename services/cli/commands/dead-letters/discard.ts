import { createDeadLetterArchive } from '../../../worker/dead-letters/archive.ts'
import { withAws } from '../../aws.ts'
import { defineCommand } from '../../command.ts'
import { exitCodes, RefusedError } from '../../errors.ts'
import { letterColumns, letterRow, lettersConfig, queryOf, selectLetters, selectOptions } from './letters.ts'

export const discardDeadLetters = defineCommand({
  name: 'dead-letters discard',
  summary: 'delete dead letters permanently',
  details: `Deleted dead letters cannot be redriven, and their uploads stay failed. Keeps redriven dead letters unless their ids or
--redriven are given. Needs --yes unless ids are given.`,
  operands: '[ID…]',
  options: {
    ...selectOptions,
    all: { type: 'boolean', description: 'all dead letters that were not redriven' },
    redriven: {
      type: 'boolean',
      description: 'dead letters that were redriven instead, with the options above or --all',
    },
    yes: { type: 'boolean', description: 'confirm the deletion' },
    'dry-run': { type: 'boolean', description: 'only list what would be deleted' },
  },
  config: lettersConfig,
  async run({ options, operands, config, output }) {
    return await withAws(config, async ({ s3 }) => {
      const stream = config.STREAM_NAME
      const archive = createDeadLetterArchive({ s3, bucket: config.PROCESSED_BUCKET, stream })
      const query = { ...queryOf(options), redriven: options.redriven === true }
      const choice = { ids: operands, selection: options, all: options.all === true, query }
      const letters = () => selectLetters(archive, stream, choice)
      if (options['dry-run']) {
        const count = await output.stream(letters(), letterRow, letterColumns())
        output.note(`${count} would be discarded. Nothing was changed.`)
        return exitCodes.done
      }
      const isChecked = operands.length > 0 || options.yes !== true
      // Read once before anything is deleted: to count them for the confirmation, or to find an id that does not exist.
      const count = isChecked ? await countOf(letters()) : 0
      if (operands.length === 0 && count > 0 && !options.yes) {
        throw new RefusedError(
          `This deletes ${count} dead letters for good. List them with --dry-run, and confirm with --yes.`,
        )
      }
      let discarded = 0
      for await (const { id, key } of letters()) {
        await archive.remove(key)
        discarded++
        output.item({ id, outcome: 'discarded' }, `${id}  discarded`)
      }
      output.note(discarded === 0 ? 'No dead letters to discard.' : `${discarded} discarded`)
      return exitCodes.done
    })
  },
})

async function countOf(letters: AsyncIterable<unknown>): Promise<number> {
  let count = 0
  for await (const _ of letters) count++
  return count
}
