import { NothingFoundError } from './errors.ts'

export function noLeaseTable(applicationName: string, cause: Error): NothingFoundError {
  return new NothingFoundError(
    `There is no lease table '${applicationName}': no worker of this application has run here. Check APPLICATION_NAME and AWS_REGION.`,
    { cause },
  )
}
