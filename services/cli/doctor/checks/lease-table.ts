import { leaseTable as defined } from '../../../platform/resources.ts'
import { type Check, skipped } from '../check.ts'
import { compareTable, describeTable } from '../table.ts'

export const leaseTable: Check = {
  id: 'lease-table',
  title: 'the lease table is there, with its key',
  async run(context) {
    const { PROCESSOR_FUNCTION: lambda, APPLICATION_NAME: name } = context.config
    if (lambda !== undefined) return skipped('PROCESSOR_FUNCTION is set: Lambda keeps no leases')
    return compareTable(defined, await describeTable(context, name, 'APPLICATION_NAME'), 'APPLICATION_NAME')
  },
}
