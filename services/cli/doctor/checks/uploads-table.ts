import { uploadsTable as defined } from '../../../platform/resources.ts'
import type { Check } from '../check.ts'
import { compareTable, describeTable } from '../table.ts'

export const uploadsTable: Check = {
  id: 'uploads-table',
  title: 'the table of upload records is there, with its keys and its index',
  async run(context) {
    const name = context.config.UPLOADS_TABLE
    return compareTable(defined, await describeTable(context, name, 'UPLOADS_TABLE'), 'UPLOADS_TABLE')
  },
}
