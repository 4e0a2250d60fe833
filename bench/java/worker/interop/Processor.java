package interop;

import java.nio.charset.StandardCharsets;
import software.amazon.kinesis.exceptions.InvalidStateException;
import software.amazon.kinesis.exceptions.ShutdownException;
import software.amazon.kinesis.lifecycle.events.InitializationInput;
import software.amazon.kinesis.lifecycle.events.LeaseLostInput;
import software.amazon.kinesis.lifecycle.events.ProcessRecordsInput;
import software.amazon.kinesis.lifecycle.events.ShardEndedInput;
import software.amazon.kinesis.lifecycle.events.ShutdownRequestedInput;
import software.amazon.kinesis.processor.RecordProcessorCheckpointer;
import software.amazon.kinesis.processor.ShardRecordProcessor;
import software.amazon.kinesis.retrieval.KinesisClientRecord;

/** Handles the records of a shard as the example in KCL's guide does: each in turn, a checkpoint after each batch. */
final class Processor implements ShardRecordProcessor {
    private String shardId;

    @Override
    public void initialize(InitializationInput input) {
        shardId = input.shardId();
        Events.emit("initialized", "shardId", shardId, "checkpoint", input.extendedSequenceNumber().sequenceNumber());
    }

    @Override
    public void processRecords(ProcessRecordsInput input) {
        if (input.records().isEmpty()) return;
        for (KinesisClientRecord record : input.records()) {
            Events.emit("record", "shardId", shardId, "sequenceNumber", record.sequenceNumber(),
                    "partitionKey", record.partitionKey(),
                    "text", StandardCharsets.UTF_8.decode(record.data()).toString());
        }
        checkpoint(input.checkpointer());
    }

    @Override
    public void leaseLost(LeaseLostInput input) {
        Events.emit("leaseLost", "shardId", shardId);
    }

    @Override
    public void shardEnded(ShardEndedInput input) {
        checkpoint(input.checkpointer());
        Events.emit("shardEnded", "shardId", shardId);
    }

    @Override
    public void shutdownRequested(ShutdownRequestedInput input) {
        checkpoint(input.checkpointer());
        Events.emit("shutdownRequested", "shardId", shardId);
    }

    private void checkpoint(RecordProcessorCheckpointer checkpointer) {
        try {
            checkpointer.checkpoint();
        } catch (ShutdownException lost) {
            Events.emit("checkpointRefused", "shardId", shardId, "error", lost);
        } catch (InvalidStateException invalid) {
            throw new IllegalStateException(invalid);
        }
    }
}
