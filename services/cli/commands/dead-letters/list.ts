import { createDeadLetterArchive } from '../../../worker/dead-letters/archive.ts'
import { withAws } from '../../aws.ts'
import { collect } from '../../collect.ts'
import { defineCommand } from '../../command.ts'
import { letterColumns, letterRow, lettersConfig, queryOf, selectOptions } from './letters.ts'

export const listDeadLetters = defineCommand({
  name: 'dead-letters list',
  summary: 'records that were given up and wait for somebody to look',
  details: 'Those that were redriven have been dealt with: they are left out unless asked for.',
  options: {
    ...selectOptions,
    redriven: { type: 'boolean', description: 'only those that were redriven' },
    all: { type: 'boolean', description: 'redriven or not' },
  },
  config: lettersConfig,
  async run({ options, config, output }) {
    const query = { ...queryOf(options), redriven: options.all ? undefined : options.redriven === true }
    return await withAws(config, async ({ s3 }) => {
      const archive = createDeadLetterArchive({ s3, bucket: config.PROCESSED_BUCKET, stream: config.STREAM_NAME })
      const letters = archive.list(query)
      // A script gets each as it comes; the columns for people are as wide as their widest cell.
      if (output.json) {
        for await (const found of letters) output.item(letterRow(found), '')
        return undefined
      }
      const rows = await collect(letters)
      output.table(rows, letterColumns())
      if (rows.length === 0) output.note('There are none.')
      return undefined
    })
  },
})
