import type { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import type { Data } from '../data/data-stack.ts'
import { serving, servingFlatKeys } from '../permissions/statements.ts'
import type { Settings } from '../settings/schema.ts'

/** What answering requests takes with the keys that the api is set to give. */
export function servingStatements(data: Data, { apiEnvironment }: Settings): PolicyStatement[] {
  const isFlat = apiEnvironment.KEY_TEMPLATE === 'uploads/{filename}'
  return [...serving(data), ...(isFlat ? servingFlatKeys(data) : [])]
}
