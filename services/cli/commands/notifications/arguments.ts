import { Type } from 'typebox'
import { workerConfigSchema } from '../../../platform/config/worker.ts'
import type { CommandOption } from '../../command.ts'
import { UsageError } from '../../errors.ts'

/** The variables that the commands for notifications read. */
export const notificationsConfig = Type.Pick(workerConfigSchema, ['AWS_REGION', 'PROCESSED_BUCKET', 'UPLOADS_TABLE'])

export const destinationOption = {
  type: 'string',
  value: 'NAME',
  description: 'only for this destination',
} as const satisfies CommandOption

/** @throws UsageError unless each text is an id of a notification */
export function checkIds(ids: readonly string[]): void {
  for (const id of ids) {
    if (/^msg_[\w-]+$/.test(id)) continue
    throw new UsageError(
      `'${id}' is not the id of a notification. Ids look like msg_Zk3…. See headgate notifications list.`,
    )
  }
}
