import { type _Object, ListObjectsV2Command, type ListObjectsV2CommandOutput, type S3Client } from '@aws-sdk/client-s3'
import { pages } from '../pages.ts'

export interface ObjectsQuery {
  Bucket: string
  Prefix: string
  Delimiter?: string
}

/**
 * Yields the objects under a prefix, page by page.
 *
 * @throws PagesError if a page does not advance, or if there are too many pages
 */
export async function* listObjects(s3: S3Client, query: ObjectsQuery, signal?: AbortSignal): AsyncGenerator<_Object[]> {
  const listing = pages<ListObjectsV2CommandOutput, string>({
    operation: 'ListObjectsV2',
    fetch: marker => {
      const command = new ListObjectsV2Command({ ...query, ContinuationToken: marker })
      return s3.send(command, signal && { abortSignal: signal })
    },
    next: ({ IsTruncated, NextContinuationToken = '' }) => (IsTruncated ? NextContinuationToken : undefined),
    signal,
  })
  for await (const { Contents = [] } of listing) yield Contents
}
