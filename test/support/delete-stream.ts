import {
  DeleteStreamCommand,
  DescribeStreamSummaryCommand,
  type KinesisClient,
  ResourceNotFoundException,
  waitUntilStreamNotExists,
} from '@aws-sdk/client-kinesis'

/**
 * Deletes a stream of the embedded Kinesis if it exists, and waits for its end.
 *
 * kinesis-local removes a stream some milliseconds after the request, even if it has answered that there is no such stream. So the deletion
 * of a missing stream would remove the stream that the test creates next.
 */
export async function deleteStream(client: KinesisClient, StreamName: string): Promise<void> {
  try {
    const { StreamDescriptionSummary: stream } = await client.send(new DescribeStreamSummaryCommand({ StreamName }))
    if (stream?.StreamStatus !== 'DELETING') {
      await client.send(new DeleteStreamCommand({ StreamName, EnforceConsumerDeletion: true }))
    }
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return
    throw error
  }
  await waitUntilStreamNotExists({ client, minDelay: 0.01, maxDelay: 0.2, maxWaitTime: 60 }, { StreamName })
}
