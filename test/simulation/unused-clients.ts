import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { KinesisClient } from '@aws-sdk/client-kinesis'

const settings = { region: 'simulation' }

/** Required options of a consumer. They are not called, because the ports belong to the world. */
export const UNUSED_CLIENTS = { kinesis: new KinesisClient(settings), dynamodb: new DynamoDBClient(settings) }
