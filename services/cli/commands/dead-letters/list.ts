import { createDeadLetterArchive } from '../../../worker/dead-letters/archive.ts'
import { withAws } from '../../aws.ts'
import { defineCommand } from '../../command.ts'
import { letterColumns, letterRow, lettersConfig, queryOf, selectOptions } from './letters.ts'

export const listDeadLetters = defineCommand({
  name: 'dead-letters list',
  summary: 'list records that could not be processed',
  details: 'Omits dead letters that were redriven, unless --redriven or --all is given.',
  options: {
    ...selectOptions,
    redriven: { type: 'boolean', description: 'only dead letters that were redriven' },
    all: { type: 'boolean', description: 'also dead letters that were redriven' },
  },
  config: lettersConfig,
  async run({ options, config, output }) {
    const query = { ...queryOf(options), redriven: options.all ? undefined : options.redriven === true }
    return await withAws(config, async ({ s3 }) => {
      const archive = createDeadLetterArchive({ s3, bucket: config.PROCESSED_BUCKET, stream: config.STREAM_NAME })
      const count = await output.stream(archive.list(query), letterRow, letterColumns())
      if (count === 0) output.note('No dead letters found.')
      return undefined
    })
  },
})
