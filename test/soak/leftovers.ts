import { readdirSync } from 'node:fs'
import path from 'node:path'
import { ListMultipartUploadsCommand, type S3Client } from '@aws-sdk/client-s3'
import { names } from '../../services/platform/resources.ts'

/** Returns what the run has left behind in S3 and in the folder for temporary files, a line each. */
export async function findLeftovers(s3: S3Client, temporary: string): Promise<string[]> {
  const found: string[] = []
  for (const Bucket of [names.uploadBucket, names.processedBucket]) {
    const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand({ Bucket }))
    found.push(...Uploads.map(({ Key }) => `a multipart upload of ${Bucket}/${Key}`))
  }
  const files = readdirSync(temporary, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
  found.push(...files.map(({ parentPath, name }) => `the temporary file ${path.join(parentPath, name)}`))
  return found
}
