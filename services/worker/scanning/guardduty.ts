import { GetObjectTaggingCommand, type S3Client } from '@aws-sdk/client-s3'
import { SCAN_STATUS_TAG } from '../../platform/resources.ts'
import type { TaggedVerdict, TaggingScanner } from './scanner.ts'

/** The tag of GuardDuty has no name of the malware. Its finding has one. */
const SIGNATURE = 'THREATS_FOUND'

/**
 * Reads the verdicts of GuardDuty Malware Protection for S3. All other values of its tag (UNSUPPORTED, ACCESS_DENIED, FAILED) mean that
 * GuardDuty did not scan the object.
 *
 * https://docs.aws.amazon.com/guardduty/latest/ug/monitoring-malware-protection-s3-scans-gdu.html
 */
export function createGuardDuty(s3: S3Client): TaggingScanner {
  return {
    name: 'guardduty',
    async read({ bucket, key }, abortSignal) {
      const { TagSet = [] } = await s3.send(new GetObjectTaggingCommand({ Bucket: bucket, Key: key }), { abortSignal })
      return verdictOf(TagSet.find(({ Key }) => Key === SCAN_STATUS_TAG)?.Value)
    },
  }
}

function verdictOf(status: string | undefined): TaggedVerdict {
  if (status === 'NO_THREATS_FOUND') return { verdict: 'clean' }
  if (status === 'THREATS_FOUND') return { verdict: 'infected', signature: SIGNATURE }
  if (status === undefined) return { verdict: 'none', reason: `The object has no tag ${SCAN_STATUS_TAG}.` }
  return { verdict: 'none', reason: `Its tag ${SCAN_STATUS_TAG} is ${status}.` }
}
