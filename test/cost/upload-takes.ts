/** What an upload takes, from its request to what is made of it. cost.test.ts counts it on the wire. */
export interface Takes {
  s3Puts: number
  s3Gets: number
  /** Units of 1 KiB. */
  dynamodbWrites: number
  kinesisRecords: number
}

export const text: Takes = { s3Puts: 2, s3Gets: 1, dynamodbWrites: 2, kinesisRecords: 1 }

/** A thumbnail and `metadata.json`: one object more, and a record that has come to be larger than a unit. */
export const image: Takes = { s3Puts: 3, s3Gets: 1, dynamodbWrites: 3, kinesisRecords: 1 }

/** Bytes. Of a text of 4 KiB; what is kept of it is as much again. */
export const sizes = { file: 4_096, kept: 8_192, event: 500, record: 750, logs: 800, accessLog: 350 } as const
