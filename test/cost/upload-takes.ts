/** The billed operations of an upload, from its request to its outputs. cost.test.ts counts them on the wire. */
export interface Takes {
  s3Puts: number
  s3Gets: number
  /** Units of 1 KiB. */
  dynamodbWrites: number
  kinesisRecords: number
}

export const text: Takes = { s3Puts: 2, s3Gets: 1, dynamodbWrites: 2, kinesisRecords: 1 }

/** With a thumbnail and `metadata.json`: one more object, and a record that outgrows a unit. */
export const image: Takes = { s3Puts: 3, s3Gets: 1, dynamodbWrites: 3, kinesisRecords: 1 }

/** What a notification of a text adds, whatever the number of its destinations. notifications.test.ts counts it. */
export const notified: Pick<Takes, 'dynamodbWrites'> = { dynamodbWrites: 3 }

/** The same if the relay sends it at its first attempt. */
export const notifiedLater: Pick<Takes, 'dynamodbWrites'> = { dynamodbWrites: 6 }

/** Sizes in bytes for a text of 4 KiB, whose output has the same size. */
export const sizes = { file: 4_096, kept: 8_192, event: 500, record: 750, logs: 800, accessLog: 350 } as const
