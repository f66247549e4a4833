-- libocpp queues these, too (QueueAllMessages); told later they would be false.
DELETE FROM NORMAL_QUEUE WHERE MESSAGE_TYPE IN ('BootNotification', 'Heartbeat');
