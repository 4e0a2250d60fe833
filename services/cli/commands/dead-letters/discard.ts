import { createDeadLetterArchive } from '../../../worker/dead-letters/archive.ts'
import { withAws } from '../../aws.ts'
import { collect } from '../../collect.ts'
import { defineCommand } from '../../command.ts'
import { exitCodes, RefusedError } from '../../errors.ts'
import { letterColumns, letterRow, lettersConfig, queryOf, selectLetters, selectOptions } from './letters.ts'

export const discardDeadLetters = defineCommand({
  name: 'dead-letters discard',
  summary: 'forget dead letters for good',
  details: `Their records cannot be redriven any more; a failed upload stays failed. Those that were redriven are left alone unless they are
named, or asked for. More than are named need --yes.`,
  operands: '[ID…]',
  options: {
    ...selectOptions,
    all: { type: 'boolean', description: 'all that were not redriven' },
    redriven: { type: 'boolean', description: 'those that were redriven instead, with the options above or --all' },
    yes: { type: 'boolean', description: 'do it' },
    'dry-run': { type: 'boolean', description: 'only say which' },
  },
  config: lettersConfig,
  async run({ options, operands, config, output }) {
    return await withAws(config, async ({ s3 }) => {
      const stream = config.STREAM_NAME
      const archive = createDeadLetterArchive({ s3, bucket: config.PROCESSED_BUCKET, stream })
      const query = { ...queryOf(options), redriven: options.redriven === true }
      const choice = { ids: operands, selection: options, all: options.all === true, query }
      const letters = await collect(selectLetters(archive, stream, choice))
      if (options['dry-run']) {
        if (output.json) for (const letter of letters) output.item(letterRow(letter), '')
        else output.table(letters, letterColumns())
        output.note(`${letters.length} would be discarded. Nothing was done.`)
        return exitCodes.done
      }
      if (operands.length === 0 && letters.length > 0 && !options.yes) {
        throw new RefusedError(
          `${letters.length} dead letters would be gone for good. Look with --dry-run, and do it with --yes.`,
        )
      }
      for (const { id, key } of letters) {
        await archive.remove(key)
        output.item({ id, outcome: 'discarded' }, `${id}  discarded`)
      }
      output.note(letters.length === 0 ? 'There were none to discard.' : `${letters.length} discarded`)
      return exitCodes.done
    })
  },
})
